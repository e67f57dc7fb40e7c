#include <polytask/allometry/allometry_coupling.h>

namespace polytask {

void AllometryOptions::fields(Fields& f) {
  f.field("genus", genus, "the task that predicts a genus for each pixel; its class names are matched to the genera",
          required());
  f.field("height", height, "the task that predicts height in m", required());
  f.field("biomass", biomass, "the task that predicts above-ground biomass", required());
  f.field(
      "parameters", parameters,
      "training: fitted on the training targets; a parameter file of `polytask allometry fit`; or numbers for every "
      "genus alike, {alpha: 0.1, beta: 1.5, unit: Mg/ha}",
      required());
  f.field("law", law,
          "power (the default), quadratic, segmented or asymptotic; a file must be of this law, where given");
  f.field("pooling", pooling, "of the fit on training targets: none, partial (the default) or complete",
          one_of({"none", "partial", "complete"}));
  f.field("criterion", criterion, "of partial pooling on training targets: reml (the default) or ml",
          one_of({"reml", "ml"}));
  f.field(
      "min_height", min_height_m,
      "m; pixels count where the predicted height is above it, training targets enter a fit from it on (default: the "
      "parameter file's, else 1.3)",
      at_least(0));
  f.field(
      "average", average,
      "pixels: the mean runs over all pixels with data, those at or below min_height count as 0; active: over those "
      "above it alone",
      one_of({"pixels", "active"}));
  f.field(
      "correction", correction,
      "none: the law gives the median of biomass; baskerville, duan or snowdon: its mean, by that factor of each genus "
      "(duan and snowdon stand in a parameter file)",
      one_of(correction_names()));
  f.field("detach", detach, "tasks that get no gradient from this term: some of genus, height, biomass",
          one_of({"genus", "height", "biomass"}));
}

}  // namespace polytask
