# Draws what `go run ./test/bench growth` has measured: `make charts` does it.
#
#     gnuplot -c growth.gp growth
#
# makes growth-cpu.svg, growth-memory.svg and growth-flip.svg of growth.csv; where
# there is a growth-fast.csv, the fast path's CPU is there, too. The points are
# medians of the rounds, the bars go from the least to the most.

chart = ARG1
normal = chart.".csv"
fast = chart."-fast.csv"
both = system("test ! -s ".fast." || echo 1") eq "1"

names = "domains members rules pool"
array title[4] = ["domains", "members", "rules", "members of one pool"]

set datafile separator comma
set datafile columnheaders

here(s, n) = strcol("series") eq s && column("n") == n

# collect prints a part for each series, called by its name, and in it a line for
# each N: the median of a figure, the least and the most.
collect = 'do for [s in names] { print "# ".s; do for [k=0:5] { n = 10 ** k; \
  stats file using (here(s, n) ? 1 : 0) name "ROWS" nooutput; \
  if (ROWS_sum > 0) { stats file using (here(s, n) ? column(figure) : NaN) name "OF" nooutput; \
    print sprintf("%d,%g,%g,%g", n, OF_median, OF_min, OF_max) } }; print ""; print "" }'
# alone is the median of one domain.
alone = 'stats file using (here("domains", 1) ? column(figure) : NaN) name "OF" nooutput; one = OF_median'

file = normal
set print $memory
figure = "rss_mb"
eval collect
set print $flip
figure = "flip_ms"
eval collect
set print $cpu
figure = "cpu_us"
eval collect
eval alone
one_normal = one
if (both) {
  file = fast
  set print $fast
  eval collect
  eval alone
  one_fast = one
}
unset print
unset datafile columnheaders

# The grey and the colours are for light and dark pages; there is no background.
grey = "#808890"
array colour[4] = ["#3b82f6", "#e8730c", "#2da44e", "#b45cf0"]
array shape[4] = [7, 5, 9, 13]

set terminal svg size 760,320 font "sans-serif,13"
set border 1 linecolor rgb grey
set grid ytics linetype 1 linewidth 0.4 linecolor rgb grey
set key bmargin center horizontal Left reverse maxcols 4 width -6 samplen 1 textcolor rgb grey
set title offset 0, -0.4 font ",15" textcolor rgb grey
set tics nomirror textcolor rgb grey
set xtics scale 0.5
set ytics scale 0
set logscale x
set xrange [0.75:135000]
set xtics ("1" 1, "10" 10, "100" 100, "1,000" 1000, "10,000" 10000, "100,000" 100000)
set rmargin 3

# A series stands a little beside the next one, so that all bars are seen.
beside(i) = 1.08 ** (i - 2.5)
# lines are the curves of a data block, whose points have titles or not.
lines(block, titles) = 'for [i=1:4] '.block.' index word(names, i) using ($1*beside(i)):2 with lines linecolor rgb colour[i] linewidth 2 notitle, \
  for [i=1:4] '.block.' index word(names, i) using ($1*beside(i)):3:(0):($4-$3) with vectors nohead linecolor rgb colour[i] linewidth 1 notitle, \
  for [i=1:4] '.block.' index word(names, i) using ($1*beside(i)):2 with points linecolor rgb colour[i] pointtype shape[i] pointsize 0.6 '.titles
titled = 'title title[i]'

# limit draws a goal across the chart.
limit = 'set arrow from graph 0, first goal to graph 1, first goal nohead dashtype 3 linewidth 1 linecolor rgb grey; \
  set label words at graph 1, first goal right offset 0, lift font ",11" textcolor rgb grey'

set output chart."-cpu.svg"
set title "CPU per query"
set format y "%g µs"
goal = 1.5 * one_normal
words = "goal for domains: 1.5 times that of one"
lift = -0.6
set yrange [0:1.1*goal]
eval limit
if (both) {
  goal = 1.5 * one_fast
  words = "with fast\\_path: 1.5 times that of one"
  lift = 0.6
  eval limit
  eval 'plot '.lines("$cpu", titled).', '.lines("$fast", "notitle")
} else {
  eval 'plot '.lines("$cpu", titled)
}

set output chart."-flip.svg"
unset arrow
unset label
set title "From a failed check to the first answer that knows"
set format y "%g ms"
set logscale y 10
set yrange [0.1:250]
goal = 100
words = "goal: 100 ms"
lift = -0.6
eval limit
eval 'plot '.lines("$flip", titled)

set output chart."-memory.svg"
unset arrow
unset label
set title "Resident memory"
set format y "%g MB"
set logscale y 2
set yrange [16:1024]
eval 'plot '.lines("$memory", titled)
