"""Tables, figures and the one style they are drawn in."""
