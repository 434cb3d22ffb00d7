# SPDX-License-Identifier: MIT
# Values per interval over time. Columns of `data`: seconds, then one per curve; the first row names
# them. Also: curves, xtop, ytop (0 = by itself), yname.
set terminal svg size width,height dynamic noenhanced font "sans-serif,13" background rgb "white" name name
set output out
set xrange [0:xtop]
if (ytop > 0) { set yrange [0:ytop] } else { set yrange [0:*] }
set format y "%.10g"
set xlabel "seconds since the start"
set ylabel yname
set style fill solid 0.12 noborder
if (curves == 1) {
	plot data using 1:2 with fillsteps linetype 1 notitle, \
		data using 1:2 with steps linetype 1 title columnheader(2)
} else {
	plot for [i=2:curves+1] data using 1:i with steps linetype i-1 title columnheader(i)
}
unset output
reset
