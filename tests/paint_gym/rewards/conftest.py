"""Networks as small as these are slower on two threads than on one."""

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread(two_threads: None) -> None:
    torch.set_num_threads(1)  # `two_threads` puts back what was before
