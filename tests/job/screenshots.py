"""Draw the pictures of the report anew: ``python -m tests.job.screenshots``.

The run in them is made up (`tests.job.results`); they show the page, and measure nothing.
"""

import io
import tempfile
from pathlib import Path

from sparkbird.job.report import write
from tests.job.chromium import chromium
from tests.job.results import nights, run

FOLDER = Path(__file__).parents[2] / "jobs" / "results"
#: Name, width and color scheme of a picture, and how far down it goes.
PICTURES = [("report-light", 1400, "light", 2100), ("report-dark", 390, "dark", 2400)]


def small(png):
    """The picture in few colors, which is all that the page has."""
    from PIL import Image

    out = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(64).save(out, "PNG", optimize=True)
    return out.getvalue()


def main():
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        page_of_run = Path(folder) / "report.html"
        write(run(), page_of_run, previous=nights())
        with chromium(folder) as page:
            for name, width, scheme, height in PICTURES:
                page.open(page_of_run.as_uri(), width=width, scheme=scheme)
                (FOLDER / f"{name}.png").write_bytes(small(page.picture(height)))


if __name__ == "__main__":
    main()
