/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The harness, with more time for each test: what takes a second takes minutes on a kernel that
 * checks every access, in an emulator, on a machine that is busy.
 */

#ifndef _DMCK_HARNESS_H
#define _DMCK_HARNESS_H

#include "../kselftest_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

#endif /* _DMCK_HARNESS_H */
