"""What the story of a machine is made of; the plugin is plugins/analyses/life_story.py."""
