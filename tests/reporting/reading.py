"""What a figure says: its panels, lines and legend."""


def panel(figure, title):
    """The first panel whose title starts so."""
    return next(axis for axis in figure.axes if axis.get_title().startswith(title))


def legend(figure):
    """Labels of the figure's legend."""
    return [text.get_text() for text in figure.legends[0].get_texts()]


def lines(axis, label):
    """Lines of that label in a panel."""
    return [line for line in axis.lines if line.get_label() == label]
