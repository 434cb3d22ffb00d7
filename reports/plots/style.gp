# SPDX-License-Identifier: MIT
# What all plots share. beagle-reports writes `name`, `out`, `data`, `width`, `height` and the
# variables of a plot before it; one gnuplot run draws all plots of a report.
set encoding utf8
set datafile separator "\t"

# Okabe-Ito; `set linetype` and not `set style line`: it survives a `reset`
set linetype 1 lc rgb "#0072B2" lw 2 dt solid
set linetype 2 lc rgb "#D55E00" lw 2 dt (12,4)
set linetype 3 lc rgb "#009E73" lw 2 dt (6,3)
set linetype 4 lc rgb "#CC79A7" lw 2 dt (2,3)
set linetype 5 lc rgb "#E69F00" lw 2 dt (12,3,2,3)
set linetype 6 lc rgb "#56B4E9" lw 2 dt (8,2,2,2,2,2)
set linetype 7 lc rgb "#000000" lw 1.5 dt solid
set linetype 8 lc rgb "#8A6D00" lw 1.5 dt (3,2)
set linetype 9 lc rgb "#666666" lw 1 dt (1,2)
set linetype cycle 9

set border 3 lc rgb "#8A94A0" lw 1
set tics nomirror out scale 0.6 textcolor rgb "#3A444E"
set grid lc rgb "#DDE2E6" lw 1 dt solid back
set key above left horizontal Left reverse samplen 2.2 height 0.4 textcolor rgb "#1A1F24"
set xlabel textcolor rgb "#3A444E"
set ylabel textcolor rgb "#3A444E"
set rmargin 3
