// SPDX-License-Identifier: GPL-3.0-or-later
// A lock for short work of several threads on one object. A member of that object, so
// that objects do not wait for each other as they would in a critical section, whose
// name gcc gives to the whole process. All bytes zero: free.
#ifndef OG_BASE_LOCK_H
#define OG_BASE_LOCK_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

struct og_lock {
    atomic_bool held;
};

static inline void og_lock(struct og_lock *lock)
{
    while (atomic_exchange_explicit(&lock->held, true, memory_order_acquire))
        sched_yield();
}

static inline void og_unlock(struct og_lock *lock)
{
    atomic_store_explicit(&lock->held, false, memory_order_release);
}

#endif
