#!/bin/sh
# SPDX-License-Identifier: MIT
# firejail.sh RIGHT=PATH... -- PROGRAM. firejail can't allow reading one file: it asks for the right
# to read folders, too, which the kernel refuses of a file, and goes on without. So that the program
# can be started at all, it is linked into a folder of its own, which is allowed in its place.
after='' program='' own=''
for word; do
    if [ "$after" ]; then
        program=$word own=${word%/*}/firejail
        break
    fi
    [ "$word" != -- ] || after=yes
done
mkdir -p "$own"
ln -f "$program" "$own/program"
after=''
for word; do
    shift
    case $after$word in
        --) after=yes ;;
        "yes$program") word=$own/program ;;
        *="$program") word=--landlock.fs.${word%%=*}=$own ;;
        *=*) [ "$after" ] || word=--landlock.fs.$word ;;
    esac
    set -- "$@" "$word"
done
exec firejail --noprofile --landlock.enforce --keep-fd=all "$@"
