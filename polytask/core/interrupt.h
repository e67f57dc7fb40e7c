#pragma once

namespace polytask {

/// From now on SIGINT and SIGTERM only set a flag, which long work looks at between steps. A second signal ends the
/// process at once.
void catch_interrupts();

/// 0, or the signal that asked the work to stop.
int interrupt_signal();
void clear_interrupt();

}  // namespace polytask
