#include <polytask/objectives/metrics/register.h>

namespace polytask {

MetricRegistry& classification_metrics() {
  static MetricRegistry registry = [] {
    MetricRegistry metrics("classification metric");
    register_accuracy(metrics);
    register_top_k(metrics);
    register_macro_f1(metrics);
    return metrics;
  }();
  return registry;
}

MetricRegistry& binary_metrics() {
  static MetricRegistry registry = [] {
    MetricRegistry metrics("binary metric");
    register_binary_accuracy(metrics);
    register_f1(metrics);
    register_auroc(metrics);
    register_average_precision(metrics);
    return metrics;
  }();
  return registry;
}

MetricRegistry& regression_metrics() {
  static MetricRegistry registry = [] {
    MetricRegistry metrics("regression metric");
    register_mae(metrics);
    register_rmse(metrics);
    register_r2(metrics);
    register_median_ae(metrics);
    return metrics;
  }();
  return registry;
}

MetricRegistry& segmentation_metrics() {
  static MetricRegistry registry = [] {
    MetricRegistry metrics("segmentation metric");
    register_miou(metrics);
    register_pixel_accuracy(metrics);
    return metrics;
  }();
  return registry;
}

MetricRegistry& dense_regression_metrics() {
  static MetricRegistry registry = [] {
    MetricRegistry metrics("dense regression metric");
    register_mae(metrics);
    register_rmse(metrics);
    register_bias(metrics);
    register_r2(metrics);
    register_abs_rel(metrics);
    register_delta(metrics);
    return metrics;
  }();
  return registry;
}

}  // namespace polytask
