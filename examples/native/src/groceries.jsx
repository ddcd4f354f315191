import { useDocument, usePresence, useStatus } from '@holdfast/client/react'
import { useEffect, useState } from 'react'
import { FlatList, Pressable, Text, TextInput, View } from 'react-native'

/** What is to be bought, as everybody has it: whoever else has the list open changes it, too. */
export function Groceries({ client, lists }) {
  const { document, content: items = [] } = useDocument(lists, 'groceries', itemsOf)
  const { others, show } = usePresence(document)
  const state = useStatus(document)
  const { reach } = useStatus(client)
  const [item, setItem] = useState('')

  useEffect(() => show({ name: 'A phone' }), [show])

  if (document === undefined) return <Text>Opening the list …</Text>
  const list = document.ydoc.getArray(name)
  const add = () => {
    if (item !== '') list.push([item])
    setItem('')
  }
  return (
    <>
      <TextInput value={item} onChangeText={setItem} onSubmitEditing={add} placeholder="Apples" />
      <FlatList
        data={items}
        keyExtractor={(item, at) => `${at} ${item}`}
        renderItem={({ item, index }) => (
          <View
            style={{ flexDirection: 'row', justifyContent: 'space-between', paddingVertical: 8 }}
          >
            <Text>{item}</Text>
            <Pressable onPress={() => list.delete(index)} accessibilityRole="button">
              <Text>Bought</Text>
            </Pressable>
          </View>
        )}
      />
      <Text>
        {state?.safety} · {reach} · {others.map(({ shown }) => String(shown.name)).join(', ')}
      </Text>
    </>
  )
}

const name = 'items'

/** Outside of the component: the same function each time, so it runs only when the list has changed. */
function itemsOf(ydoc) {
  return ydoc.getArray(name).toArray()
}
