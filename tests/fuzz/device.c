// SPDX-License-Identifier: GPL-3.0-or-later
// Device, technology and hardware files: one text, read as each of them.
#include "fuzz.h"

#include "ohmgrid/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct og_device device;
    static struct og_technology technology;
    static struct og_hardware hardware;
    char path[FUZZ_PATH];
    struct og_error err[3] = {{0}};
    fuzz_write("f.yaml", data, size);
    fuzz_in("f.yaml", path);
    fuzz_check(og_device_read(&device, path, NULL, &err[0]), &err[0]);
    fuzz_check(og_technology_read(&technology, path, NULL, &err[1]), &err[1]);
    fuzz_check(og_hardware_read(&hardware, path, &err[2]), &err[2]);
    return 0;
}
