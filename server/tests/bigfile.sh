# SPDX-License-Identifier: MIT
# ci/bigfile with a film of ten minutes; the one of six hours is the nightly's.
[ -z "${SAN-}" ] || export BIG_NO_TIMES=1
exec ci/bigfile 10
