/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MODULES_MOD_FAULT_H
#define SERVER_MODULES_MOD_FAULT_H

#include "server/core/module.h"

/* Does nothing unless a --fault was given (fault.h has the table). */
extern const struct module mod_fault;

#endif
