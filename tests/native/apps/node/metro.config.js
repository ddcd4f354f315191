const { getDefaultConfig } = require('expo/metro-config')
const { withHoldfast } = require('@holdfast/client/metro')

module.exports = withHoldfast(getDefaultConfig(__dirname))
