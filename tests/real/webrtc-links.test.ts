import { describeLink } from '../contract/describeLink.js'
import { realSubject } from '../contract/real-subject.js'
import { rtcPair } from './rtc-pair.js'

describeLink('WebRTC', async () => {
  const { a, b } = await rtcPair()
  return realSubject(a, b, () => {
    a.close()
    b.close()
  })
})
