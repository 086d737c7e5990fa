module gwbench

go 1.19
