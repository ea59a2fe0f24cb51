// What DPF needs to know about the plugin. Built twice: for stereo, and with MIXDIAGNOSE_CHANNELS=1 for mono.
#ifndef DISTRHO_PLUGIN_INFO_H_INCLUDED
#define DISTRHO_PLUGIN_INFO_H_INCLUDED

#ifndef MIXDIAGNOSE_CHANNELS
#define MIXDIAGNOSE_CHANNELS 2
#endif
#ifndef MIXDIAGNOSE_UI
#define MIXDIAGNOSE_UI 0
#endif

#define DISTRHO_PLUGIN_BRAND "MixDiagnose"
#define DISTRHO_PLUGIN_BRAND_ID MixD

#if MIXDIAGNOSE_CHANNELS == 1
#define DISTRHO_PLUGIN_NAME "MixDiagnose Mono"
#define DISTRHO_PLUGIN_URI "https://mixdiagnose.com/plugin-mono"
#define DISTRHO_PLUGIN_CLAP_ID "com.mixdiagnose.mixdiagnose-mono"
#define DISTRHO_PLUGIN_UNIQUE_ID MDm1
#define DISTRHO_PLUGIN_VST3_CATEGORIES "Fx|EQ|Analyzer|Mono"
#define DISTRHO_PLUGIN_CLAP_FEATURES "audio-effect", "equalizer", "analyzer", "mono"
#else
#define DISTRHO_PLUGIN_NAME "MixDiagnose"
#define DISTRHO_PLUGIN_URI "https://mixdiagnose.com/plugin"
#define DISTRHO_PLUGIN_CLAP_ID "com.mixdiagnose.mixdiagnose"
#define DISTRHO_PLUGIN_UNIQUE_ID MDs2
#define DISTRHO_PLUGIN_VST3_CATEGORIES "Fx|EQ|Analyzer|Stereo"
#define DISTRHO_PLUGIN_CLAP_FEATURES "audio-effect", "equalizer", "analyzer", "stereo"
#endif
#define DISTRHO_PLUGIN_LV2_CATEGORY "lv2:EQPlugin"

#define DISTRHO_PLUGIN_NUM_INPUTS MIXDIAGNOSE_CHANNELS
#define DISTRHO_PLUGIN_NUM_OUTPUTS MIXDIAGNOSE_CHANNELS
#define DISTRHO_PLUGIN_IS_RT_SAFE 1
#define DISTRHO_PLUGIN_IS_SYNTH 0
#define DISTRHO_PLUGIN_WANT_TIMEPOS 1
#define DISTRHO_PLUGIN_WANT_PARAMETER_VALUE_CHANGE_REQUEST 1
// A window reads the link of the plugin it belongs to, so both are in one component.
#define DISTRHO_PLUGIN_HAS_UI MIXDIAGNOSE_UI
#define DISTRHO_PLUGIN_WANT_DIRECT_ACCESS MIXDIAGNOSE_UI
#define DISTRHO_UI_USE_CAIRO MIXDIAGNOSE_UI
#define DISTRHO_UI_USER_RESIZABLE MIXDIAGNOSE_UI

#endif
