"""What can go wrong, and the exit code each becomes.

MixDiagnoseError
├── UsageError   2  the call itself is wrong: unknown check, profile or option value
└── InputError   3  a file cannot be used: names the file, the cause and the remedy in one line
"""

from __future__ import annotations


class MixDiagnoseError(Exception):
    """Root of every error this project raises on purpose."""

    exit_code = 1


class UsageError(MixDiagnoseError):
    """The caller asked for something that does not exist or does not fit together."""

    exit_code = 2


class InputError(MixDiagnoseError):
    """An input cannot be read or measured.

    `subject` is the file (or stem) as the user named it, `cause` what is wrong with it, `remedy` what
    to do about it. The message is always one line.
    """

    exit_code = 3

    def __init__(self, subject: str, cause: str, remedy: str) -> None:
        self.subject, self.cause, self.remedy = subject, cause, remedy
        super().__init__(" ".join(f"{subject}: {cause}; {remedy}".split()))
