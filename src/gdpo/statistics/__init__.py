"""Tables in, tables out: metrics of scored samples, with intervals and paired comparisons."""
