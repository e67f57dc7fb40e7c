#pragma once
#include <polytask/data/sampler.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// `inner` without the rows that have no label of any task: those that follow take their places, so that an epoch keeps
/// its length. Where all of `rows`, the training rows, are labelled it is `inner`. InputError where none is.
std::unique_ptr<Sampler> only_labelled(std::unique_ptr<Sampler> inner, const std::vector<int64_t>& rows,
                                       const std::map<std::string, Targets>& targets, uint64_t seed);

}  // namespace polytask
