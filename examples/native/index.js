// First of all: Yjs and Holdfast draw random numbers, and React Native has none of its own.
import 'react-native-get-random-values'
import { registerRootComponent } from 'expo'
import { App } from './src/app'

registerRootComponent(App)
