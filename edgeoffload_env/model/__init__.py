"""The paper's system model, equation by equation, as pure functions over arrays.

Every array has a leading batch axis B (independent games); per-user arrays are ``[B, N]`` and per-server arrays
``[B, M]``. The functions use Python operators and the array API namespace ``xp`` they are handed, so the same lines
serve numpy and torch, on any device, eagerly or compiled. Nothing here knows of PettingZoo, or of configuration
defaults.

=========  ==========================================================================
equation   where
=========  ==========================================================================
(5)        :func:`.channel.uplink_rate_bps`
(6)        :func:`.delay.compute_s`, with the device's speed
(7)        :func:`.channel.upload_s`
(8)        :func:`.servers.cycles_ahead`, :func:`.servers.wait_s`, :func:`.delay.compute_s`
(9)        :func:`.channel.forward_s`
(10)       :func:`.delay.offload_delay_s`
(11)       :func:`.delay.task_delay_s`
(12)       :func:`.delay.mean_delay_s`, the objective of P1
(13)-(15)  :func:`.servers.load_factor_s`
(19)       :func:`.reward.imbalance`
(20)       :func:`.reward.user_reward`
=========  ==========================================================================

:func:`.slot.advance` strings them together, :mod:`.draws` makes the random quantities that it starts from, and
:mod:`.paper` declares the quantities, features, costs and metrics; effects (:mod:`.effects`) add their own.
"""
