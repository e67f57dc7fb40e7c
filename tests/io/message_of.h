#pragma once
#include <polytask/core/error.h>

#include <string>

namespace polytask {

/// What the InputError says that `act` throws; "(no error)" where it throws none. Other exceptions go on.
template <class Act>
std::string message_of(Act act) {
  try {
    act();
  } catch (const InputError& error) {
    return error.what();
  }
  return "(no error)";
}

}  // namespace polytask
