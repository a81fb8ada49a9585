"""The README's code in a session of Spark."""

from tests.test_readme import blocks, run_blocks


def test_all_python_code_runs_where_there_is_a_session(spark, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {"spark": spark}
    run_blocks(names, blocks("python"))
    assert "predict_proba" in capsys.readouterr().out
    written = {"model.onnx", "model.ubj", "forest", "compiled"}
    assert {p.name for p in tmp_path.iterdir()} == written
    assert {*names["df"].columns} == {"city", "age", "income", "buys"}
