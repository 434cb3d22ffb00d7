# SPDX-License-Identifier: MIT
# Time x value, colour = how many. Columns of `data`: left, right, low, high (log10 of ns), count.
# Also: xtop, ylow, yhigh (log10 of ns), ctop, yname, cname.
set terminal svg size width,height dynamic noenhanced font "sans-serif,13" background rgb "white" name name
set output out
set xrange [0:xtop]
set yrange [ylow:yhigh]
set ytics ("1 µs" 3, "10 µs" 4, "100 µs" 5, "1 ms" 6, "10 ms" 7, "100 ms" 8, "1 s" 9, "10 s" 10)
set logscale cb
set cbrange [1:ctop]
set cbtics scale 0.4
set format cb "%.0f"
set cblabel cname textcolor rgb "#3A444E"
# viridis
set palette defined (0 "#440154", 1 "#482878", 2 "#3E4989", 3 "#31688E", 4 "#26828E", 5 "#1F9E89", 6 "#35B779", 7 "#6DCD59", 8 "#B4DE2C", 9 "#FDE725")
set style fill solid 1.0 noborder
set xlabel "seconds since the start"
set ylabel yname
set rmargin 12
unset key
plot data using (($1+$2)/2):(($3+$4)/2):1:2:3:4:5 with boxxyerror linecolor palette
unset output
reset
