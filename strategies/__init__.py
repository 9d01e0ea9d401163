"""Ways to answer a task, and the models they answer with."""

import os

# Threads of matrix kernels wait asleep, not spinning: on a machine that does anything else
# besides (a server, a second worker) spinning makes every kernel wait for a lost time slice.
# It has to stand before the first import of torch.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
