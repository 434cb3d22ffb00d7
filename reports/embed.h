/* SPDX-License-Identifier: MIT */
#ifndef REPORTS_EMBED_H
#define REPORTS_EMBED_H

/* Text files of this folder inside the program, each with a NUL after it: it runs from anywhere. */
extern const char embed_page_css[];
extern const char embed_style_gp[];
extern const char embed_spectrum_gp[];
extern const char embed_series_gp[];
extern const char embed_heat_gp[];

#endif
