#include <polytask/balancing/gradient_options.h>

namespace polytask {

void GradientOptions::fields(Fields& f, const std::string& heads_default) {
  f.field("heads", heads,
          "what the heads receive: own: the gradient of their own loss; weighted: times its weight; default: the "
          "convention's; the paper's is " +
              heads_default,
          one_of({"own", "weighted"}));
  f.field("scope", scope,
          "where the task gradients are taken: shared (all shared parameters), last_shared_layer, representation (the "
          "features that the heads are fed), or names of shared modules");
  f.field("representation_rows", representation_rows,
          "rows of scope representation: samples: every sample's features have columns of their own, the gradient "
          "itself; batch_sum: the sum over the batch, as LibMTL has it for inner products",
          one_of({"samples", "batch_sum"}));
}

void GramOptions::fields(Fields& f, const std::string& heads_default) {
  gradients.fields(f, heads_default);
  f.field("gram", gram,
          "how the inner products are computed: walk: from one gradient a task; outputs: from the gradients at layer "
          "outputs, without weight gradients (layers of at most 4096 samples × positions); auto: whichever costs less, "
          "layer by layer",
          one_of({"auto", "walk", "outputs"}));
  f.field("every", every, "optimiser steps from one computation of the weights to the next", at_least(1));
}

}  // namespace polytask
