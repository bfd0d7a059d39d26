"""One Weights & Biases run for each checkpoint folder, through veRL's own logger.

W&B never stops a training: what it cannot send stays in the checkpoint folder, for ``wandb sync``.
"""

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from gdpo.provenance import one_line
from gdpo.whole_file import write_text

Choice = Literal["auto", "online", "offline", "disabled"]
Mode = Literal["online", "offline", "disabled"]

PROJECT = "gdpo"
ID_FILE = "wandb_id"
"""File in the checkpoint folder with the run's id."""
INIT_SECONDS = 20
"""How long W&B may take to answer at the start, beside the start of the workers."""
FINISH_SECONDS = 120
"""How long the end of a run may wait for the rest of its upload."""


class Tracking(NamedTuple):
    """Where and under which names a run appears in W&B; not part of its resolved config."""

    mode: Mode
    project: str
    name: str
    group: str

    @classmethod
    def of(cls, choice: Choice, name: str, group: str, environment: Mapping[str, str]) -> "Tracking":
        """The user's ``choice`` in an environment.

        Auto is ``WANDB_MODE`` if that is set, else online with an API key and offline without.
        """
        automatic = "online" if environment.get("WANDB_API_KEY") else "offline"
        asked = environment.get("WANDB_MODE", "") if choice == "auto" else choice
        mode = asked if asked in get_args(Mode) else automatic
        return cls(mode, environment.get("WANDB_PROJECT") or PROJECT, name, group)

    def variables(self, checkpoint_folder: Path) -> dict[str, str]:
        """Environment variables for the trainer, which W&B reads itself; none if it is disabled."""
        if self.mode == "disabled":
            return {}
        return {
            "WANDB_MODE": self.mode,
            "WANDB_DIR": str(checkpoint_folder),
            "WANDB_RUN_ID": wandb_id(checkpoint_folder),
            "WANDB_RESUME": "allow",
            "WANDB_RUN_GROUP": self.group,
            "WANDB_INIT_TIMEOUT": str(INIT_SECONDS),
            "WANDB_FINISH_TIMEOUT": str(FINISH_SECONDS),
            "WANDB_X_DISABLE_VIEWER": "true",  # a greeting for which W&B waits ten seconds more
            # What could hold a secret and is not needed: terminal output, the repository's address, patches.
            "WANDB_CONSOLE": "off",
            "WANDB_DISABLE_GIT": "true",
            "WANDB_DISABLE_CODE": "true",
        }


def wandb_id(checkpoint_folder: Path) -> str:
    """The run's id: as long as its checkpoint folder lives, it is one W&B run.

    The folder's name alone would not do: the same config trained anew after ``rm -r`` would go on from the
    last step of the deleted one, and W&B drops steps that are not newer than its last.
    """
    path = checkpoint_folder / ID_FILE
    if not path.exists():
        write_text(path, f"{checkpoint_folder.name}-{secrets.token_hex(3)}\n")
    return path.read_text().strip()


def open_wandb_run(project: str, name: str, config: dict[str, Any], say: Callable[[str], None]) -> bool:
    """Open this process's W&B run, which veRL's logger then finds; offline if the server cannot be used.

    Args:
        project: W&B project.
        name: the run's name.
        config: what W&B shows as the run's config.
        say: tells the user in one line that the run is not online.

    Returns:
        whether there is a run; without one, training has its local metrics alone.
    """
    import wandb

    def attempt(mode: Mode) -> str | None:
        """None if the run is open, else why not: whatever is wrong with W&B, the training is worth more."""
        os.environ["WANDB_MODE"] = mode  # for veRL's own wandb.init as well
        try:
            wandb.init(project=project, name=name, config=config)
        except Exception as error:
            wandb.teardown()  # its service holds the run's id and the settings
            return one_line(f"{type(error).__name__}: {error}")
        return None

    if os.environ["WANDB_MODE"] == "online":
        if not (problem := attempt("online")):
            return True
        say(f"W&B is not available ({problem}); recording offline, `wandb sync` sends it later")
    if problem := attempt("offline"):
        say(f"W&B does not work ({problem}); going on with the local metrics alone")
    return problem is None
