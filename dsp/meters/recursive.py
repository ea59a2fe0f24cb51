"""A cascade of second-order recursive filters over long blocks, as matrix products.

A recursive filter is sequential, so a plain loop is slow in Python and `scipy.signal`, which has a
compiled one, takes most of a second to import. In state-space form, though, `n` consecutive outputs
are a fixed matrix times `n` inputs plus a fixed matrix times the filter's state before them, so whole
blocks become two matrix products and a short recursion over states (block state-space filtering:
Barnes and Shinnaka 1980, "Block-shift invariance and block implementation of discrete-time filters",
IEEE Trans. Circuits Syst. 27(8)). Exact to rounding, in double precision.
"""

from __future__ import annotations

import numpy as np

from dsp.units import Curve

#: A state multiplied by less than this has died away: 1e-30 is -600 dB.
NOTHING = 1e-30


def state_space(sos: Curve) -> tuple[Curve, Curve, Curve, float]:
    """A, b, c, d of a cascade of second-order sections (rows b0 b1 b2 a0 a1 a2, a0 = 1).

    Transposed direct form II, section after section; b and c are vectors, d a scalar.
    """
    a_all, b_all, c_all, d_all = np.zeros((0, 0)), np.zeros(0), np.zeros(0), 1.0
    for b0, b1, b2, _, a1, a2 in sos:
        a = np.array([[-a1, 1.0], [-a2, 0.0]])
        b = np.array([b1 - a1 * b0, b2 - a2 * b0])
        c = np.array([1.0, 0.0])
        order = len(b_all)
        joined = np.zeros((order + 2, order + 2))
        joined[:order, :order] = a_all
        joined[order:, :order] = np.outer(b, c_all)
        joined[order:, order:] = a
        a_all = joined
        b_all = np.concatenate([b_all, b * d_all])
        c_all = np.concatenate([b0 * c_all, c])
        d_all *= b0
    return a_all, b_all, c_all, float(d_all)


class RecursiveFilter:
    """Filters (channels, frames) of doubles, keeping its state in the caller's hands.

    `step` samples are computed per matrix row; frames must be a multiple of it.
    """

    def __init__(self, sos: Curve, step: int) -> None:
        a, b, c, d = state_space(sos)
        powers = [np.eye(len(b))]
        for _ in range(step):
            powers.append(a @ powers[-1])
        impulse = np.array([d, *(c @ powers[i] @ b for i in range(step - 1))])
        lag = np.arange(step)[:, None] - np.arange(step)[None, :]
        self.step = step
        self.order = len(b)
        #: outputs and state after a step, from its inputs: (step, step + order)
        self._from_input = np.concatenate(
            [
                np.where(lag >= 0, impulse[lag], 0.0).T,
                np.array([powers[step - 1 - i] @ b for i in range(step)]),
            ],
            axis=1,
        )
        self._from_state = np.array([c @ powers[i] for i in range(step)]).T
        self._advance = powers[step].T

    def __call__(self, x: Curve, state: Curve) -> tuple[Curve, Curve]:
        """Filtered copy of x, shape (channels, frames), and the state (channels, order) after it."""
        channels, frames = x.shape
        rows = x.reshape(channels, frames // self.step, self.step) @ self._from_input
        states = np.empty((channels, rows.shape[1] + 1, self.order))
        states[:, 0] = state
        states[:, 1:] = rows[:, :, self.step :]
        advance, reach = self._advance, 1
        while (
            reach < states.shape[1] and advance.any()
        ):  # prefix sums by doubling: s[k] = z[k] + M z[k-1] + M^2 z[k-2] ...
            states[:, reach:] += states[:, :-reach] @ advance
            advance, reach = advance @ advance, reach * 2
            advance[np.abs(advance) < NOTHING] = 0.0
        out = rows[:, :, : self.step] + states[:, :-1] @ self._from_state
        return out.reshape(channels, frames), states[:, -1].copy()
