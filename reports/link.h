/* SPDX-License-Identifier: MIT */
#ifndef REPORTS_LINK_H
#define REPORTS_LINK_H

/*
 * A relative URL, percent-encoded, from the folder that the page will be in to a file that exists.
 * page NULL (stdout): from the working folder. NULL: there is no such file. Heap; the caller frees.
 */
char *link_relative(const char *page, const char *file);

/* Where a path of a result file leads: as it stands when it is absolute, beside the result file, or
 * from the working folder; the first that has `name` in it. A relative URL as above. */
char *link_evidence(const char *page, const char *result, const char *folder, const char *name);

#endif
