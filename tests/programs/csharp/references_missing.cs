// Where assemblies come from that other assemblies refer to: beside one that was loaded from its path, or from handlers of AssemblyResolve, which
// are asked when the reference is first needed, by compiled code and by reflection.
using System;
using System.IO;
using System.Reflection;
using System.Reflection.Emit;

class Program
{
    static string dir;

    // A library with a class that others extend, and a static method.
    static TypeBuilder Library(string name)
    {
        var assembly = AppDomain.CurrentDomain.DefineDynamicAssembly(new AssemblyName(name), AssemblyBuilderAccess.Save, dir);
        TypeBuilder t = assembly.DefineDynamicModule(name, name + ".dll").DefineType(name + ".Root", TypeAttributes.Public);
        t.DefineDefaultConstructor(MethodAttributes.Public);
        ILGenerator il = t.DefineMethod("Who", MethodAttributes.Public | MethodAttributes.Static, typeof(string), Type.EmptyTypes).GetILGenerator();
        il.Emit(OpCodes.Ldstr, "this is " + name);
        il.Emit(OpCodes.Ret);
        t.CreateType();
        assembly.Save(name + ".dll");
        return t;
    }

    // A plug-in: a class that extends that of a library, one that has only code that needs another, and one that always works.
    static void PlugIn(string name, TypeBuilder root, params TypeBuilder[] others)
    {
        var assembly = AppDomain.CurrentDomain.DefineDynamicAssembly(new AssemblyName(name), AssemblyBuilderAccess.Save, dir);
        ModuleBuilder module = assembly.DefineDynamicModule(name, name + ".dll");
        TypeBuilder leaf = module.DefineType("Leaf", TypeAttributes.Public, root);
        leaf.DefineDefaultConstructor(MethodAttributes.Public);
        leaf.CreateType();
        TypeBuilder calls = module.DefineType("Calls", TypeAttributes.Public);
        for (int i = 0; i < others.Length; i++)
        {
            // The outer one is small enough to have the inner one in itself.
            MethodBuilder inner = calls.DefineMethod("Inner" + i, MethodAttributes.Public | MethodAttributes.Static, typeof(string), Type.EmptyTypes);
            ILGenerator il = inner.GetILGenerator();
            il.Emit(OpCodes.Call, others[i].GetMethod("Who"));
            il.Emit(OpCodes.Ret);
            il = calls.DefineMethod("Call" + i, MethodAttributes.Public | MethodAttributes.Static, typeof(string), new[] { typeof(bool) }).GetILGenerator();
            Label no = il.DefineLabel();
            il.Emit(OpCodes.Ldarg_0);
            il.Emit(OpCodes.Brfalse, no);
            il.Emit(OpCodes.Call, inner);
            il.Emit(OpCodes.Ret);
            il.MarkLabel(no);
            il.Emit(OpCodes.Ldstr, "not called");
            il.Emit(OpCodes.Ret);
        }
        calls.CreateType();
        assembly.Save(name + ".dll");
    }

    static Assembly Find(object sender, ResolveEventArgs args)
    {
        Console.WriteLine("  asked for {0}, by {1}", args.Name, args.RequestingAssembly == null ? "nobody" : args.RequestingAssembly.GetName().Name);
        string file = Path.Combine(dir, "elsewhere", new AssemblyName(args.Name).Name + ".dll");
        return File.Exists(file) ? Assembly.Load(File.ReadAllBytes(file)) : null;
    }

    static void Try(string what, Func<object> f)
    {
        try { Console.WriteLine("{0}: {1}", what, f()); }
        catch (Exception e)
        {
            while (e is TargetInvocationException) e = e.InnerException;
            Console.WriteLine("{0}: {1}: {2}", what, e.GetType().Name, e.Message);
        }
    }

    static object Call(Assembly a, string method, bool really)
    {
        return a.GetType("Calls").GetMethod(method).Invoke(null, new object[] { really });
    }

    static void Main()
    {
        dir = Path.Combine(Path.GetTempPath(), "references-" + Guid.NewGuid());
        string elsewhere = Path.Combine(dir, "elsewhere");
        Directory.CreateDirectory(elsewhere);
        try
        {
            TypeBuilder beside = Library("Beside"), moved = Library("Moved"), late = Library("Late"), gone = Library("Gone");
            PlugIn("FirstPlug", beside, late);
            PlugIn("SecondPlug", moved, late, gone);
            foreach (string name in new[] { "Moved.dll", "Late.dll" }) File.Move(Path.Combine(dir, name), Path.Combine(elsewhere, name));
            File.Delete(Path.Combine(dir, "Gone.dll"));

            Assembly first = Assembly.LoadFrom(Path.Combine(dir, "FirstPlug.dll"));
            Try("base class beside", () => first.GetType("Leaf").BaseType);
            Try("instance", () => Activator.CreateInstance(first.GetType("Leaf")).GetType().BaseType.Assembly.GetName().Name);
            Try("call not made", () => Call(first, "Call0", false));

            AppDomain.CurrentDomain.AssemblyResolve += Find;
            Assembly second = Assembly.LoadFile(Path.Combine(dir, "SecondPlug.dll"));
            Try("base class elsewhere", () => second.GetType("Leaf").BaseType.AssemblyQualifiedName);
            Try("once more", () => Activator.CreateInstance(second.GetType("Leaf")));
            Try("code", () => Call(second, "Call0", true));
            Try("of nowhere", () => Call(second, "Call1", true));
            Try("by name", () => Type.GetType("Late.Root, Late"));
            Try("no such name", () => Type.GetType("Nothing.Root, Nothing") == null);
            AppDomain.CurrentDomain.AssemblyResolve -= Find;
        }
        finally { Directory.Delete(dir, true); }
    }
}
