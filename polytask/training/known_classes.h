#pragma once
#include <polytask/data/targets.h>

#include <string>
#include <vector>

namespace polytask {

/// The request of a task whose classes a run knows: it asks for these `names`, in their order, whatever the data call
/// their first class. Labels of a column that are indices (`classes`) stay so. No names: as it is.
TargetRequest with_known_classes(TargetRequest request, const std::vector<std::string>& names);

/// Throws InputError, listing the names, where labels of `source` do not go by the names that `request` has from a run:
/// they have no names, or, of a layer, classes beside those of the run. (A class that the layer lacks is refused by
/// encode_targets.)
void check_known_classes(const Source& source, const TargetRequest& request);

}  // namespace polytask
