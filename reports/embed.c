/* SPDX-License-Identifier: MIT */
#include "reports/embed.h"

/* Paths are relative to the top of the tree, where the compiler runs. */
#define EMBED(symbol, path)                                                      \
	__asm__(".section .rodata\n"                                             \
		".global " #symbol "\n" #symbol ":\n"                            \
		".incbin \"" path "\"\n"                                         \
		".byte 0\n"                                                      \
		".type " #symbol ", %object\n.size " #symbol ", .-" #symbol "\n" \
		".previous\n")

EMBED(embed_page_css, "reports/page.css");
EMBED(embed_style_gp, "reports/plots/style.gp");
EMBED(embed_spectrum_gp, "reports/plots/spectrum.gp");
EMBED(embed_series_gp, "reports/plots/series.gp");
EMBED(embed_heat_gp, "reports/plots/heat.gp");
