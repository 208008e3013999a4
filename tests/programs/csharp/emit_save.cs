// An assembly made at run time and saved to a file, which is then run, and read again by reflection.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Reflection.Emit;

class Program
{
    static void Main()
    {
        string dir = Path.Combine(Path.GetTempPath(), "emit-save-" + Guid.NewGuid());
        Directory.CreateDirectory(dir);
        try
        {
            Save(dir);
            Assembly loaded = Assembly.Load(File.ReadAllBytes(Path.Combine(dir, "Saved.exe")));
            Console.WriteLine(loaded.FullName);
            foreach (Type t in loaded.GetTypes().OrderBy(t => t.FullName)) Show(t);
            using (var reader = new StreamReader(loaded.GetManifestResourceStream("note.txt"))) Console.WriteLine(reader.ReadToEnd());
            Console.WriteLine(loaded.EntryPoint);
            Console.WriteLine(loaded.EntryPoint.Invoke(null, new object[] { new[] { "3", "4" } }));
            Type list = loaded.GetType("Data.Stack`1").MakeGenericType(typeof(string));
            object stack = Activator.CreateInstance(list);
            foreach (string s in "one two three".Split(' ')) list.GetMethod("Push").Invoke(stack, new object[] { s });
            Console.WriteLine(list.GetMethod("Pop").Invoke(stack, null));
        }
        finally { Directory.Delete(dir, true); }
    }

    static void Show(Type t)
    {
        Console.WriteLine("{0} : {1} [{2}] {3}", t, t.BaseType, t.Attributes, string.Join(",", t.GetInterfaces().Select(i => i.ToString()).OrderBy(i => i, StringComparer.Ordinal)));
        foreach (MemberInfo m in t.GetMembers(BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic).OrderBy(m => m.MemberType).ThenBy(m => m.Name))
            Console.WriteLine("    {0} {1} {2}", m.MemberType, m, string.Join(",", m.GetCustomAttributesData().Select(a => a.Constructor.DeclaringType.Name + "(" + string.Join(",", a.ConstructorArguments.Select(x => x.Value)) + ")")));
    }

    static void Save(string dir)
    {
        AssemblyName name = new AssemblyName("Saved") { Version = new Version(2, 1, 0, 7) };
        AssemblyBuilder ab = AppDomain.CurrentDomain.DefineDynamicAssembly(name, AssemblyBuilderAccess.RunAndSave, dir);
        ModuleBuilder mb = ab.DefineDynamicModule("Saved", "Saved.exe");

        EnumBuilder kind = mb.DefineEnum("Data.Kind", TypeAttributes.Public, typeof(int));
        kind.DefineLiteral("First", 1);
        kind.DefineLiteral("Second", 2);
        Type kindType = kind.CreateType();

        TypeBuilder stack = mb.DefineType("Data.Stack`1", TypeAttributes.Public);
        GenericTypeParameterBuilder[] ps = stack.DefineGenericParameters("T");
        Type listOfT = typeof(List<>).MakeGenericType(ps[0]);
        FieldBuilder items = stack.DefineField("items", listOfT, FieldAttributes.Private);
        ConstructorBuilder ctor = stack.DefineConstructor(MethodAttributes.Public, CallingConventions.Standard, Type.EmptyTypes);
        ILGenerator il = ctor.GetILGenerator();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Call, typeof(object).GetConstructor(Type.EmptyTypes));
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Newobj, TypeBuilder.GetConstructor(listOfT, typeof(List<>).GetConstructor(Type.EmptyTypes)));
        il.Emit(OpCodes.Stfld, items);
        il.Emit(OpCodes.Ret);
        MethodBuilder push = stack.DefineMethod("Push", MethodAttributes.Public, null, new Type[] { ps[0] });
        push.DefineParameter(1, ParameterAttributes.None, "item");
        il = push.GetILGenerator();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldfld, items);
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Callvirt, TypeBuilder.GetMethod(listOfT, typeof(List<>).GetMethod("Add")));
        il.Emit(OpCodes.Ret);
        MethodBuilder pop = stack.DefineMethod("Pop", MethodAttributes.Public, ps[0], Type.EmptyTypes);
        il = pop.GetILGenerator();
        LocalBuilder last = il.DeclareLocal(typeof(int));
        LocalBuilder item = il.DeclareLocal(ps[0]);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldfld, items);
        il.Emit(OpCodes.Callvirt, TypeBuilder.GetMethod(listOfT, typeof(List<>).GetMethod("get_Count")));
        il.Emit(OpCodes.Ldc_I4_1);
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.Stloc, last);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldfld, items);
        il.Emit(OpCodes.Ldloc, last);
        il.Emit(OpCodes.Callvirt, TypeBuilder.GetMethod(listOfT, typeof(List<>).GetMethod("get_Item")));
        il.Emit(OpCodes.Stloc, item);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldfld, items);
        il.Emit(OpCodes.Ldloc, last);
        il.Emit(OpCodes.Callvirt, TypeBuilder.GetMethod(listOfT, typeof(List<>).GetMethod("RemoveAt")));
        il.Emit(OpCodes.Ldloc, item);
        il.Emit(OpCodes.Ret);

        TypeBuilder main = mb.DefineType("Entry", TypeAttributes.Public | TypeAttributes.Abstract | TypeAttributes.Sealed);
        TypeBuilder helper = main.DefineNestedType("Helper", TypeAttributes.NestedPrivate);
        MethodBuilder add = helper.DefineMethod("Add", MethodAttributes.Assembly | MethodAttributes.Static, typeof(int), new[] { typeof(int), typeof(int) });
        il = add.GetILGenerator();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Ret);
        MethodBuilder run = main.DefineMethod("Main", MethodAttributes.Public | MethodAttributes.Static, typeof(int), new[] { typeof(string[]) });
        run.SetCustomAttribute(new CustomAttributeBuilder(typeof(ObsoleteAttribute).GetConstructor(new[] { typeof(string) }), new object[] { "old" }));
        il = run.GetILGenerator();
        Type stackOfInt = stack.MakeGenericType(typeof(int));
        LocalBuilder local = il.DeclareLocal(stackOfInt);
        LocalBuilder text = il.DeclareLocal(typeof(string));
        il.Emit(OpCodes.Newobj, TypeBuilder.GetConstructor(stackOfInt, ctor));
        il.Emit(OpCodes.Stloc, local);
        for (int i = 0; i < 2; i++)
        {
            il.Emit(OpCodes.Ldloc, local);
            il.Emit(OpCodes.Ldarg_0);
            il.Emit(OpCodes.Ldc_I4, i);
            il.Emit(OpCodes.Ldelem_Ref);
            il.Emit(OpCodes.Call, typeof(int).GetMethod("Parse", new[] { typeof(string) }));
            il.Emit(OpCodes.Callvirt, TypeBuilder.GetMethod(stackOfInt, push));
        }
        il.BeginExceptionBlock();
        il.Emit(OpCodes.Ldstr, "x");
        il.Emit(OpCodes.Call, typeof(int).GetMethod("Parse", new[] { typeof(string) }));
        il.Emit(OpCodes.Pop);
        il.BeginCatchBlock(typeof(FormatException));
        il.Emit(OpCodes.Pop);
        il.EndExceptionBlock();
        il.Emit(OpCodes.Ldstr, "sum \u2211 {0} {1}");
        il.Emit(OpCodes.Stloc, text);
        il.Emit(OpCodes.Ldloc, text);
        il.Emit(OpCodes.Ldc_I4_2);
        il.Emit(OpCodes.Box, kindType);
        il.Emit(OpCodes.Ldtoken, typeof(Dictionary<,>));
        il.Emit(OpCodes.Call, typeof(Type).GetMethod("GetTypeFromHandle"));
        il.Emit(OpCodes.Call, typeof(Console).GetMethod("WriteLine", new[] { typeof(string), typeof(object), typeof(object) }));
        il.Emit(OpCodes.Ldloc, local);
        il.Emit(OpCodes.Callvirt, TypeBuilder.GetMethod(stackOfInt, pop));
        il.Emit(OpCodes.Ldloc, local);
        il.Emit(OpCodes.Callvirt, TypeBuilder.GetMethod(stackOfInt, pop));
        il.Emit(OpCodes.Call, add);
        il.Emit(OpCodes.Ret);
        stack.CreateType();
        main.CreateType();
        helper.CreateType();
        mb.DefineManifestResource("note.txt", new MemoryStream(System.Text.Encoding.UTF8.GetBytes("a resource")), ResourceAttributes.Public);
        ab.SetEntryPoint(run, PEFileKinds.ConsoleApplication);
        ab.Save("Saved.exe");
        Console.WriteLine(File.Exists(Path.Combine(dir, "Saved.exe")));
    }
}
