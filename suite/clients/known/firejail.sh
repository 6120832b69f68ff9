#!/bin/sh
# SPDX-License-Identifier: MIT
# firejail.sh RIGHT=PATH... -- PROGRAM. firejail can't allow reading one file: it asks for the right
# to read folders, too, which the kernel refuses of a file, and goes on. So that the program can be
# started at all, its folder is readable.
started=''
for word; do
    shift
    case $started$word in
        --) started=yes ;;
        read=*/landproof-agent*) word=--landlock.fs.${word%/*} ;;
        *=*) [ "$started" ] || word=--landlock.fs.$word ;;
    esac
    set -- "$@" "$word"
done
exec firejail --noprofile --landlock.enforce --keep-fd=all "$@"
