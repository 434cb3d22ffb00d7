# SPDX-License-Identifier: MIT
# Values per interval over time. Columns of `data`: seconds, then one per curve; the first row names
# them. Also: curves, keyed (show their names), xtop, ytop, ystep. The unit stands in the caption.
set terminal svg size width,height dynamic noenhanced font "sans-serif,14" background rgb "white" name name
set output out
set lmargin 8
set xrange [0:xtop]
set yrange [0:ytop]
set ytics ystep
set format y "%.10g"
set xlabel "seconds" offset 0,0.4
set style fill solid 0.12 noborder
if (!keyed) { unset key }
# each interval comes as two rows, its beginning and its end; NaN breaks a line
if (curves == 1) {
	plot data using 1:2 with filledcurves y=0 linetype 1 notitle, \
		data using 1:2 with lines linetype 1 title columnheader(2)
} else {
	plot for [i=2:curves+1] data using 1:i with lines linetype i-1 title columnheader(i)
}
unset output
reset
