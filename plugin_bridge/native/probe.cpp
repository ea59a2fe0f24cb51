// What the tests call: the design alone, without a plugin around it.
#include "design.hpp"

#if defined(_WIN32)
#define MIXDIAGNOSE_EXPORT extern "C" __declspec(dllexport)
#else
#define MIXDIAGNOSE_EXPORT extern "C" __attribute__((visibility("default")))
#endif

// Sections of `count` bands, four numbers each (kind, Hz, dB, q): b0 b1 b2 a1 a2.
MIXDIAGNOSE_EXPORT void mixdiagnose_sections(const double* bands, int count, double sample_rate, double* to) {
    for (int i = 0; i < count; ++i, bands += 4, to += 5) {
        const mixdiagnose::Setting band{static_cast<uint32_t>(bands[0]), bands[1], bands[2], bands[3]};
        const mixdiagnose::Section made = mixdiagnose::section(band, sample_rate);
        to[0] = made.b0, to[1] = made.b1, to[2] = made.b2, to[3] = made.a1, to[4] = made.a2;
    }
}
