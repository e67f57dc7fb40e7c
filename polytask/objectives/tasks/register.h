#pragma once
#include <polytask/objectives/task_type.h>

namespace polytask {

// One per file of this folder; register.cpp calls them in the order of the documentation.
void register_classification(TaskTypeRegistry& types);
void register_binary(TaskTypeRegistry& types);
void register_multilabel(TaskTypeRegistry& types);
void register_regression(TaskTypeRegistry& types);
void register_segmentation(TaskTypeRegistry& types);
void register_dense_regression(TaskTypeRegistry& types);

}  // namespace polytask
