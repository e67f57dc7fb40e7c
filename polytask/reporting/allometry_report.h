#pragma once
#include <polytask/allometry/compare_laws.h>
#include <polytask/allometry/fit_report.h>

#include <string>
#include <vector>

namespace polytask {

/// What `polytask allometry fit` prints: rows and what became of them, the law, the pooled line or fixed effects,
/// variance components, figures of the fit, how far exp(log B) is from the mean, the largest genera, and those that are
/// not estimable or whose biomass falls with height.
std::string fit_text(const FitReport& report);

/// Held-out errors of a fit as a line of text, with the error of a genus seen for the first time where there is one.
std::string held_out_text(const std::vector<HeldOut>& cells, const Folds& folds);

/// Laws against laws. `rows` and `genera` of KeptRows.
std::string laws_text(const std::vector<ComparedFit>& compared, const KeptRows& rows, const Folds& folds);
/// One line for each law and pooling ("(all)"), then one for each genus, law and pooling.
std::string laws_csv(const std::vector<ComparedFit>& compared, const KeptRows& rows);

}  // namespace polytask
