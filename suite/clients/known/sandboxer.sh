#!/bin/sh
# SPDX-License-Identifier: MIT
# The sample takes its policy from variables: sandboxer.sh NAME=VALUE... [scope=LETTER...] -- PROGRAM
# It wants both lists of folders, and both scopes in one variable.
export LL_FS_RO='' LL_FS_RW=''
while [ "$1" != -- ]; do
    case $1 in
        scope=*) export LL_SCOPED="${LL_SCOPED:+$LL_SCOPED:}${1#scope=}" ;;
        *) export "$1" ;;
    esac
    shift
done
shift
exec sandboxer "$@"
