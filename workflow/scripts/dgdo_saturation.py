"""Trace and draw DGDO's weights, published and corrected: dgdo_saturation.csv, .png, .pdf."""

from gdpo.reporting.analytic import dgdo_weight_traces, plot_dgdo_saturation
from gdpo.reporting.style import save, use_style
from gdpo.whole_file import write_text

if __name__ == "__main__":
    use_style()
    traces = dgdo_weight_traces()
    write_text(snakemake.output.data, traces.to_csv(index=False))
    save(plot_dgdo_saturation(traces), snakemake.output.png, snakemake.output.pdf)
