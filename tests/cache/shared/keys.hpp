// Keys for signing: those of RFC 8032's test vectors (section 7.1), which everybody knows.
#pragma once

#include <string>

namespace keys {

inline std::string pem(const std::string& kind, const std::string& base64) {
  return "-----BEGIN " + kind + "-----\n" + base64 + "\n-----END " + kind + "-----\n";
}

inline const std::string one_private =
    pem("PRIVATE KEY", "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g");
inline const std::string one_public =
    pem("PUBLIC KEY", "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
inline const std::string two_private =
    pem("PRIVATE KEY", "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7");
inline const std::string two_public =
    pem("PUBLIC KEY", "MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=");

// For another algorithm, and one behind a password.
inline const std::string x25519_private =
    pem("PRIVATE KEY", "MC4CAQAwBQYDK2VuBCIEIEDzwlkJEkcWHeyUaXUjw52nfxQwlo/G5erWSBA9389V");
inline const std::string encrypted_private =
    pem("ENCRYPTED PRIVATE KEY",
        "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjajLeIFTgorwICCAAw\n"
        "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEHJtAHUBdLt/3NEhC4DZlMMEQKH9\n"
        "JD/zPsW72oCJxlAKT3PHL2km/ObgXRukRQJPXMdpMK1Rllhv7tbwVYEvYgCWZHDG\n"
        "GuZYyuQ7YxqXXkOJGqw=");

}  // namespace keys
