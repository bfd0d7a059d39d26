"""Count and draw distinct advantage groups: advantage_groups.csv, .png, .pdf."""

from gdpo.reporting.analytic import advantage_group_counts, plot_advantage_groups
from gdpo.reporting.style import save, use_style
from gdpo.whole_file import write_text

if __name__ == "__main__":
    use_style()
    counts = advantage_group_counts()
    write_text(snakemake.output.data, counts.to_csv(index=False))
    save(plot_advantage_groups(counts), snakemake.output.png, snakemake.output.pdf)
