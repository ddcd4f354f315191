/** In the place of Expo's configuration of Metro: the tests add what that would. */
exports.getDefaultConfig = () => ({})
