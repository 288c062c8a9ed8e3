using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Rls3.Gym.Engine;
using YamlDotNet.RepresentationModel;

namespace UnityEngine.StandIn;

/// <summary>
/// A scene in Unity's text format (Manual "Format of text serialized files", "YAML Class ID Reference"): makes its objects, links
/// parts by file ID, and finds scripts, materials and shaders by GUID. A script's field that only the file or only the script has
/// is an error, where Unity would silently leave it empty.
/// </summary>
internal sealed class SceneFile
{
    private const string BuiltInMeshes = "0000000000000000e000000000000000";

    private readonly Dictionary<long, (string Kind, YamlMappingNode Fields)> documents = [];
    private readonly Dictionary<long, Object> made = [];
    private readonly Dictionary<string, string> assets = [];

    private SceneFile(string file, IEnumerable<string> folders)
    {
        foreach (var meta in folders.SelectMany(folder => Directory.GetFiles(folder, "*.meta", SearchOption.AllDirectories)))
        {
            assets[Regex.Match(File.ReadAllText(meta), @"^guid: (\w{32})$", RegexOptions.Multiline).Groups[1].Value] = meta[..^".meta".Length];
        }
        documents = Read(file);
    }

    /// <summary>Opens a scene: makes all its objects and wakes the active ones.</summary>
    /// <param name="file">A .unity file.</param>
    /// <param name="project">The Unity project whose assets it names by GUID.</param>
    /// <param name="change">Changes settings of the file.</param>
    public static void Open(string file, string project, Action<GymSettings>? change = null)
    {
        var scene = new SceneFile(file, [Path.Combine(project, "Assets"), Path.Combine(project, "Packages")]);
        var objects = scene.documents.Where(document => document.Value.Kind == "GameObject").Select(document => scene.Make(document.Key, document.Value.Fields)).ToArray();
        scene.Link();
        foreach (var server in Player.All<GymServerBehaviour>())
        {
            change?.Invoke(server.Settings);
        }
        foreach (var (holder, on) in objects)
        {
            holder.SetActive(on);
        }
    }

    private static Dictionary<long, (string, YamlMappingNode)> Read(string file)
    {
        // "--- !u!1 &100": the tag says the class and the anchor the file ID. Each class names itself again below.
        var stream = new YamlStream();
        using var text = new StringReader(File.ReadAllText(file));
        stream.Load(text);
        return stream.Documents.ToDictionary(
            document => long.Parse(document.RootNode.Anchor.Value, CultureInfo.InvariantCulture),
            document =>
            {
                var (kind, fields) = ((YamlMappingNode)document.RootNode).Children.Single();
                return (Text(kind), (YamlMappingNode)fields);
            });
    }

    // Inactive until all is linked, so nothing wakes before.
    private (GameObject Holder, bool On) Make(long id, YamlMappingNode fields)
    {
        var holder = new GameObject(Text(fields["m_Name"]));
        holder.SetActive(false);
        made[id] = holder;
        foreach (var part in ((YamlSequenceNode)fields["m_Component"]).Children)
        {
            var at = Reference(part["component"]);
            made[at] = documents[at].Kind == "Transform" ? holder.transform : Add(holder, TypeOf(documents[at]));
        }
        return (holder, Text(fields["m_IsActive"]) == "1");
    }

    private static Object Add(GameObject holder, Type type) => (Object)typeof(GameObject).GetMethod("AddComponent")!.MakeGenericMethod(type).Invoke(holder, null)!;

    private Type TypeOf((string Kind, YamlMappingNode Fields) document)
    {
        if (document.Kind != "MonoBehaviour")
        {
            return typeof(GameObject).Assembly.GetType("UnityEngine." + document.Kind) ?? throw new NotSupportedException($"the stand-in has no {document.Kind}");
        }
        // A script's class has the name of its file (Manual "Naming scripts").
        var script = Path.GetFileNameWithoutExtension(Asset(document.Fields["m_Script"]));
        return typeof(GymServerBehaviour).Assembly.GetTypes().Single(type => type.Name == script && type.IsSubclassOf(typeof(MonoBehaviour)));
    }

    private void Link()
    {
        foreach (var (id, (kind, fields)) in documents)
        {
            if (!made.TryGetValue(id, out var one))
            {
                continue;
            }
            switch (one)
            {
                case Transform transform:
                    Place(transform, fields);
                    break;
                case MeshFilter filter:
                    filter.sharedMesh = MeshOf(fields["m_Mesh"]);
                    break;
                case MeshRenderer renderer:
                    renderer.sharedMaterial = MaterialOf(((YamlSequenceNode)fields["m_Materials"])[0]);
                    break;
                case BoxCollider box:
                    (box.center, box.size) = (Vector(fields["m_Center"]), Vector(fields["m_Size"]));
                    break;
                case SphereCollider ball:
                    ball.radius = Number(fields["m_Radius"]);
                    break;
                case Camera camera:
                    Set(camera, fields);
                    break;
                case MonoBehaviour script:
                    script.enabled = Text(fields["m_Enabled"]) == "1";
                    Fill(script, fields);
                    break;
                case Component or GameObject:
                    break;
                default:
                    throw new NotSupportedException($"the stand-in links no {kind}");
            }
        }
    }

    private void Place(Transform transform, YamlMappingNode fields)
    {
        (transform.localPosition, transform.localScale) = (Vector(fields["m_LocalPosition"]), Vector(fields["m_LocalScale"]));
        var turn = fields["m_LocalRotation"];
        transform.localRotation = new Quaternion { X = Number(turn["x"]), Y = Number(turn["y"]), Z = Number(turn["z"]), W = Number(turn["w"]) };
        var father = Reference(fields["m_Father"]);
        if (father != 0)
        {
            transform.SetParent((Transform)made[father], false);
            if (!((YamlSequenceNode)documents[father].Fields["m_Children"]).Any(child => made[Reference(child)] == transform))
            {
                throw new FormatException($"{transform.gameObject.name} is no child of its father");
            }
        }
    }

    private static void Set(Camera camera, YamlMappingNode fields)
    {
        camera.enabled = Text(fields["m_Enabled"]) == "1";
        camera.clearFlags = (CameraClearFlags)Number(fields["m_ClearFlags"]);
        camera.nearClipPlane = Number(fields["near clip plane"]);
        camera.farClipPlane = Number(fields["far clip plane"]);
        camera.fieldOfView = Number(fields["field of view"]);
        camera.depth = Number(fields["m_Depth"]);
    }

    // Public fields, and private ones with SerializeField (ScriptReference SerializeField), those of base classes too.
    private void Fill(object target, YamlMappingNode values)
    {
        var left = values.Children.Keys.Select(Text).Where(name => !name.StartsWith("m_", StringComparison.Ordinal)).ToHashSet();
        for (var type = target.GetType(); type != typeof(MonoBehaviour) && type != typeof(object); type = type!.BaseType)
        {
            const BindingFlags own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
            foreach (var field in type!.GetFields(own).Where(field => (field.IsPublic || field.IsDefined(typeof(SerializeField))) && !field.IsInitOnly))
            {
                field.SetValue(target, Value(field.FieldType, field.GetValue(target), left.Remove(field.Name) ? values[field.Name] : throw new FormatException($"{target.GetType().Name}.{field.Name} is not in the file")));
            }
        }
        if (left.Count > 0)
        {
            throw new FormatException($"{target.GetType().Name} has no field {string.Join(", ", left)}");
        }
    }

    private object? Value(Type type, object? before, YamlNode value)
    {
        if (typeof(Object).IsAssignableFrom(type))
        {
            var id = Reference(value);
            return id == 0 ? null : type.IsInstanceOfType(made[id]) ? made[id] : throw new FormatException($"file ID {id} is no {type.Name}");
        }
        if (value is YamlMappingNode map)
        {
            Fill(before!, map);
            return before;
        }
        return type == typeof(bool) ? Text(value) == "1" : Convert.ChangeType(Text(value), type, CultureInfo.InvariantCulture);
    }

    private static Mesh MeshOf(YamlNode reference)
    {
        var mesh = (Text(reference["guid"]), Reference(reference)) switch
        {
            (BuiltInMeshes, 10202) => BoxMesh.Create(),
            (BuiltInMeshes, 10207) => BallMesh.Create(24),
            var other => throw new NotSupportedException($"the stand-in has no mesh {other}"),
        };
        mesh.BuiltIn = true;
        return mesh;
    }

    private Material MaterialOf(YamlNode reference)
    {
        var fields = Read(Asset(reference))[Reference(reference)].Item2;
        var material = new Material(ShaderFile.Open(Asset(fields["m_Shader"]))) { BuiltIn = true };
        foreach (var (name, colour) in ((YamlSequenceNode)fields["m_SavedProperties"]["m_Colors"]).Children.SelectMany(entry => ((YamlMappingNode)entry).Children))
        {
            material.SetVector(Shader.PropertyToID(Text(name)), new Vector4(Number(colour["r"]), Number(colour["g"]), Number(colour["b"]), Number(colour["a"])));
        }
        return material;
    }

    private string Asset(YamlNode reference) =>
        assets.TryGetValue(Text(reference["guid"]), out var file) ? file : throw new FormatException($"no asset here has the GUID {Text(reference["guid"])}");

    private static long Reference(YamlNode node) => long.Parse(Text(node["fileID"]), CultureInfo.InvariantCulture);

    private static string Text(YamlNode node) => ((YamlScalarNode)node).Value ?? "";

    private static float Number(YamlNode node) => float.Parse(Text(node), CultureInfo.InvariantCulture);

    private static Vector3 Vector(YamlNode node) => new(Number(node["x"]), Number(node["y"]), Number(node["z"]));
}
