{
  # CMakeLists.txt is the build; this lets node-gyp, and so prebuildify, start it.
  "targets": [
    {
      "target_name": "hrn",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake",
          "inputs": ["CMakeLists.txt"],
          "outputs": ["<(PRODUCT_DIR)/hrn.node"],
          "action": ["node", "scripts/build-native.mjs", "--product=<(PRODUCT_DIR)"]
        }
      ]
    }
  ]
}
