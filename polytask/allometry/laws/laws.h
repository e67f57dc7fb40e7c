#pragma once
#include <polytask/allometry/law.h>

#include <memory>

namespace polytask {

std::unique_ptr<Law> make_power_law();
std::unique_ptr<Law> make_quadratic_law();
std::unique_ptr<Law> make_segmented_law();
std::unique_ptr<Law> make_asymptotic_law();

}  // namespace polytask
