"""ToolRL's prompt."""


def system_prompt(tools):
    raise NotImplementedError


def dialogue(messages):
    raise NotImplementedError
