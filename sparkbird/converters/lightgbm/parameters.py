"""lightgbm: what becomes of each parameter, of the scikit-learn classes and of the library itself.

The library takes every parameter under several names; all of them are here. Source: the table
of aliases, which `LGBM_DumpParamAliases` gives (4.7).
"""

from __future__ import annotations

#: What stands in the text of the model that the converter reads.
READ = """
    app application boost boosting boosting_type cat_column cat_feature categorical_column
    categorical_feature categorical_features linear_tree linear_trees loss num_class num_classes
    objective objective_type reg_sqrt sigmoid use_missing zero_as_missing
"""

#: What ends the sum of a row early, if the objective lets it: the converter refuses it then.
EARLY_STOP = "pred_early_stop pred_early_stop_freq pred_early_stop_margin"

#: What `fit` needs.
_TRAINING = """
    alpha auc_mu_weights bagging bagging_by_query bagging_fraction bagging_fraction_seed
    bagging_freq bagging_seed bin_construct_sample_cnt boost_from_average bundle cat_l2
    cat_smooth cegb_penalty_feature_coupled cegb_penalty_feature_lazy cegb_penalty_split
    cegb_tradeoff class_weight colsample_bynode colsample_bytree data_random_seed
    data_sample_strategy data_seed deterministic drop_rate drop_seed early_stopping
    early_stopping_min_delta early_stopping_round early_stopping_rounds enable_bundle
    enable_sparse eta eval_at extra_seed extra_tree extra_trees fair_c fc feature_contri
    feature_contrib feature_fraction feature_fraction_bynode feature_fraction_seed
    feature_penalty feature_pre_filter first_metric_only force_col_wise force_row_wise
    forced_splits forced_splits_file forced_splits_filename forcedbins_filename
    forcedsplits_filename fp fs hist_pool_size histogram_pool_size importance_type
    interaction_constraints is_enable_bundle is_enable_sparse is_sparse is_unbalance
    l1_regularization l2_regularization label_gain lambda lambda_l1 lambda_l2 lambdarank_norm
    lambdarank_position_bias_regularization lambdarank_truncation_level learning_rate
    linear_lambda map_at map_eval_at max_bin max_bin_by_feature max_bins max_cat_threshold
    max_cat_to_onehot max_delta_step max_depth max_drop max_iter max_leaf max_leaf_nodes
    max_leaf_output max_leaves max_tree_output mc mc_method mc_penalty metric metric_freq
    metric_types metrics min_child_samples min_child_weight min_data min_data_in_bin
    min_data_in_leaf min_data_per_group min_data_per_leaf min_gain_to_split min_hessian
    min_samples_leaf min_split_gain min_sum_hessian min_sum_hessian_in_leaf
    min_sum_hessian_per_leaf monotone_constraining_method monotone_constraint
    monotone_constraints monotone_constraints_method monotone_penalty monotone_splits_penalty
    monotonic_cst ms_penalty multi_error_top_k n_estimators n_iter n_iter_no_change n_jobs
    ndcg_at ndcg_eval_at neg_bagging neg_bagging_fraction neg_sub_row neg_subsample nrounds
    num_boost_round num_grad_quant_bins num_iterations num_leaf num_leaves num_round num_rounds
    num_tree num_trees objective_seed other_rate output_freq path_smooth poisson_max_delta_step
    pos_bagging pos_bagging_fraction pos_sub_row pos_subsample quant_train_renew_leaf
    random_seed random_state rate_drop refit_decay_rate reg_alpha reg_lambda scale_pos_weight
    seed shrinkage_rate skip_drop sparse stochastic_rounding sub_feature sub_feature_bynode
    sub_row subsample subsample_for_bin subsample_freq top_k top_rate topk tree tree_learner
    tree_learner_type tree_type tweedie_variance_power unbalance unbalanced_sets uniform_drop
    use_quantized_grad xgboost_dart_mode
"""

#: What only the program for the command line reads, where the work is done, and messages.
_MACHINE = """
    blacklist config config_file convert_model convert_model_file convert_model_language data
    data_filename device device_type gpu_device_id gpu_device_id_list gpu_platform_id
    gpu_use_dp group group_column group_id has_header header ignore_column ignore_feature
    input_model is_pre_partition is_provide_training_metric is_save_binary is_save_binary_file
    is_training_metric label label_column local_listen_port local_port machine_list
    machine_list_file machine_list_filename machines mlist model_in model_input model_out
    model_output name_pred nodes nthread nthreads num_gpu num_machine num_machines num_thread
    num_threads output_model output_result parser_config_file port pre_partition
    precise_float_parser pred_name predict_name predict_result prediction_name
    prediction_result query query_column query_id save_binary save_period
    saved_feature_importance_type snapshot_freq task task_type test test_data test_data_file
    time_out train train_data train_data_file train_metric training_metric two_round
    two_round_loading use_two_round_loading valid valid_data valid_data_file valid_filenames
    verbose verbosity weight weight_column workers
"""

#: What `predict` takes as arguments of its own, whatever the estimator was given. The number of
#: columns is checked all the same.
#: Source: lightgbm/sklearn.py, LGBMModel.predict; src/c_api.cpp, LGBM_BoosterPredictForMat (4.7).
_PREDICTION = """
    X contrib data_has_header is_predict_contrib is_predict_leaf_index is_predict_raw_score
    leaf_index num_iteration num_iteration_predict pred_contrib pred_leaf predict_contrib
    predict_disable_shape_check predict_leaf_index predict_raw_score predict_rawscore raw_score
    start_iteration start_iteration_predict
"""

IGNORED = _TRAINING + _MACHINE + _PREDICTION
