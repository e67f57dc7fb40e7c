#pragma once
#include <polytask/objectives/metric.h>

namespace polytask {

// One per file of this folder; register.cpp calls them in the order of the documentation.
void register_accuracy(MetricRegistry& metrics);
void register_top_k(MetricRegistry& metrics);
void register_macro_f1(MetricRegistry& metrics);

void register_binary_accuracy(MetricRegistry& metrics);
void register_f1(MetricRegistry& metrics);
void register_auroc(MetricRegistry& metrics);
void register_average_precision(MetricRegistry& metrics);

void register_mae(MetricRegistry& metrics);
void register_rmse(MetricRegistry& metrics);
void register_r2(MetricRegistry& metrics);
void register_median_ae(MetricRegistry& metrics);

void register_miou(MetricRegistry& metrics);
void register_pixel_accuracy(MetricRegistry& metrics);

void register_bias(MetricRegistry& metrics);
void register_abs_rel(MetricRegistry& metrics);
void register_delta(MetricRegistry& metrics);

}  // namespace polytask
