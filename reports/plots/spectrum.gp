# SPDX-License-Identifier: MIT
# Percentile spectrum: x = 1/(1-p), so that every nine has the same width; y is a duration in ms.
# Blocks of `data`, one per curve, have their title first. Also: curves, xtop, ylow, yhigh.
set terminal svg size width,height dynamic noenhanced font "sans-serif,13" background rgb "white" name name
set output out
set logscale xy
set xrange [1:xtop]
set yrange [ylow:yhigh]
set xtics ("0%%" 1, "90%%" 10, "99%%" 100, "99.9%%" 1e3, "99.99%%" 1e4, "99.999%%" 1e5, "99.9999%%" 1e6, "99.99999%%" 1e7)
set ytics format "%g"
set mytics 10
set xlabel "share of the values that are at or below the line"
set ylabel yname
plot for [i=0:curves-1] data index i using 1:2 with lines linetype i+1 title columnheader(1)
unset output
reset
